"""The journal and the history of sessions in a relational database: SQLite or PostgreSQL."""
