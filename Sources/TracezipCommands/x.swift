import Tracezip
