"""Alembic migrations; run by :func:`db.migrate.bring_up_to_date` whenever a store is opened."""
