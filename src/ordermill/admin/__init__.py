"""The operator's door: health, metrics, status, actions and one page."""
