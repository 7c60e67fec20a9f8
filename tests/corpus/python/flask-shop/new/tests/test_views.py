from app.views import app

API_KEY = "test-key-0123456789abcdef"


def test_hello():
    client = app.test_client()
    response = client.get("/hello?name=a")
    assert response


def test_sorted(monkeypatch):
    monkeypatch.setattr("app.views.run", lambda sql: [])
    assert app.test_client().get("/products/sorted?sort=price").json == []
