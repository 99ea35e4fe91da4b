"""The Orders API: reads requests, asks the store and invoicing, answers. It knows no billing."""
