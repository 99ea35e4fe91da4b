"""Reads shops into the store: poll, sweep, backfill and hints, under one lease per integration."""
