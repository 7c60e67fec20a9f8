"""Reads lizard's table of functions."""

import csv
import io

from reviewloop.analysis.contract import NIT, SHOULD, Hit
from reviewloop.analysis.tools.layout import Laid
from reviewloop.analysis.tools.tool import Reading, UnusableOutput

_MUCH, _TOO_MUCH = 15, 20  # paths through a function
_COLUMNS = 11  # nloc, ccn, tokens, parameters, length, place, file, name, long name, start, end


def read_lizard(raw: bytes, laid: Laid) -> Reading:
    """Return a hit for each function with more than 15 paths, worse from 20 on."""
    reading = Reading()
    text = raw.decode("utf-8", "replace").replace("\0", "")
    try:
        for row in csv.reader(io.StringIO(text)):
            if len(row) < _COLUMNS:
                raise UnusableOutput("its output has another form than expected")
            one = laid.find(row[6])
            if one is None:
                raise UnusableOutput("it names a file that it was not given")
            paths, start, end = int(row[1]), int(row[9]), int(row[10])
            if paths <= _MUCH:
                continue
            hit = Hit(
                rule="lizard/complexity",
                path=one.file.path,
                span=one.span(start, end),
                message=f"{row[7]} has {paths} paths through it",
                severity=SHOULD if paths > _TOO_MUCH else NIT,
                identity=row[7],
            )
            reading.hits.append(hit)
    except (ValueError, csv.Error) as error:
        raise UnusableOutput("its output is not the table that was asked for") from error
    return reading
