"""The one door for connectors: what a third party sees of ordermill."""
