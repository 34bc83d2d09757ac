#!/usr/bin/env bash
# All that needs a GPU, in under ten minutes: the tests marked `gpu`, then the cases of the benchmark.
#
#   benchmarks/gpu.sh [FILE]    FILE takes the figures, with the device, its driver and torch's version: gpu.json
#
# PYTHON says which Python to use; without, it is that of .venv where there is one.
set -uo pipefail
file=$(realpath -m "${1:-gpu.json}")
cd "$(dirname "$0")/.."
usual=python3
[ -x .venv/bin/python ] && usual=.venv/bin/python
python=${PYTHON:-$usual}
export PYTHONPATH=src${PYTHONPATH:+:$PYTHONPATH}

timeout 120 "$python" -m pytest -m gpu tests/test_gpu.py
tests=$?
# the file is written after every case, so what is done by the end of the time is kept
timeout 460 "$python" benchmarks/speed.py --device cuda --scale 20 --rounds 5 --epochs 3 \
    --cases train,likelihood,encode,sample,memory,quality --json "$file"
benchmark=$?
exit $((tests || benchmark))
