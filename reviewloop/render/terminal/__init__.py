"""Screens on a terminal; imported only to show one."""
