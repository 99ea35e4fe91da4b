"""A shop that speaks WooCommerce's REST dialect."""
