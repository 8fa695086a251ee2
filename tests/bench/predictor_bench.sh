#!/usr/bin/env bash
# How fast the nets learn and answer on one core; where PyTorch is installed (python3-torch
# and a fast BLAS, libopenblas0-pthread), the same nets in it, too, in the same run.
set -euo pipefail
exec "${VRS_BUILD:?set to the release build}/bin/vrs-predictor" bench
