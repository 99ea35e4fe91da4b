"""Simulated shops: one ledger of orders on a clock, shown in two dialects."""
