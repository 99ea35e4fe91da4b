"""The only room that speaks SQL. One schema, two databases: SQLite and PostgreSQL."""
