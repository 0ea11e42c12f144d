"""What the web server loads: ``gunicorn wsgi:app``."""

from portal import create_app
from portal.core.jobs import ring_beside_requests

app = create_app()
ring_beside_requests(app)
