from shop.orders import app


def test_safe_orders_are_listed():
    assert app.test_client().get("/orders/safe").status_code == 200
