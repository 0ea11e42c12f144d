from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from tests.look.gallery import make_gallery


@pytest.fixture(scope="session")
def gallery_app() -> Flask:
    return make_gallery()


@pytest.fixture
def gallery(gallery_app: Flask) -> FlaskClient:
    return gallery_app.test_client()


@pytest.fixture(scope="session")
def gallery_url(gallery_app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, gallery_app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()
