"""reviewloop: implement a spec task, guard it, review it five ways, fix it, and ask."""

__version__ = "0.1.0"
