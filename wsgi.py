"""What the web server loads: ``gunicorn wsgi:app``."""

from portal import create_app

app = create_app()
