"""Files that need a package this machine may lack are not read for doctests."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("triton") else ["src/zeeman/spins/_kernels_triton.py"]
