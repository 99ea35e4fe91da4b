"""Turns orders into documents: pure planning, a module per action, and the writing of plans."""
