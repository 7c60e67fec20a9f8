def total(cart):
    return round(sum(cart) * 1.19, 2)
