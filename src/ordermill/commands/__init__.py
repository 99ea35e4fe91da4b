"""What the commands do, a module each; cli.py only declares their words."""
