from django.db import connection
from django.http import FileResponse, HttpResponse
from django.utils.safestring import mark_safe

from .models import Order


def order_list(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM orders WHERE town = '%s'" % request.GET["town"])
        return HttpResponse(str(cursor.fetchall()))


def order_list_well(request):
    orders = Order.objects.filter(town=request.GET["town"])
    return HttpResponse(str(len(orders)))


def invoice(request):
    return FileResponse(open("/srv/invoices/" + request.GET["name"], "rb"))


def banner(request):
    return mark_safe("<b>" + request.GET.get("text", "") + "</b>")
