"""Work that depends on files alone is done once in a test process, not for each shop.

A shop compiles the templates that it renders, and pyramid_jinja2 reads the source line of every
frame on the stack, which is deep under pytest. Both give the same result for each of the hundreds
of shops that tests put together.
"""

import sys
from types import SimpleNamespace

import jinja2
import pyramid_jinja2

_compile = jinja2.Environment.compile
_compiled = {}


def _compile_once(self, source, name=None, filename=None, raw=False, defer_init=False):
    """Return what Jinja compiled from the same source under the same options before."""
    if raw or not isinstance(source, str):
        return _compile(self, source, name, filename, raw, defer_init)
    options = (
        *(self.trim_blocks, self.lstrip_blocks, self.keep_trailing_newline, self.autoescape),
        *(tuple(self.extensions), tuple(self.filters), tuple(self.tests), tuple(self.globals)),
        *(self.undefined.__name__, self.finalize, self.optimized, self.is_async),
    )
    key = (source, name, filename, defer_init, options)
    if key not in _compiled:
        _compiled[key] = _compile(self, source, name, filename, raw, defer_init)
    return _compiled[key]


def _frames():
    """Return the frames on the stack as `inspect.stack` does, without their source lines."""
    frame, found = sys._getframe(1), []
    while frame is not None:
        found.append((frame,))
        frame = frame.f_back
    return found


jinja2.Environment.compile = _compile_once
pyramid_jinja2._PackageFinder.inspect = SimpleNamespace(stack=_frames)
