#!/usr/bin/env bash
# How fast the nets learn and answer on one core; where PyTorch is installed, the paper's
# net in it, too, in the same run (one thread, same rows, window and batch).
set -euo pipefail
"${VRS_BUILD:?set to the release build}/bench/bench_predictor"
python3 -c 'import torch' 2>/dev/null || {
	echo "PyTorch (python3-torch) is not installed: no comparison"
	exit 0
}
python3 - <<'EOF'
import time, torch
torch.set_num_threads(1)
for hidden in (32, 64, 128):
    lstm, out = torch.nn.LSTM(1, hidden, batch_first=True), torch.nn.Linear(hidden, 1)
    adam = torch.optim.Adam(list(lstm.parameters()) + list(out.parameters()), lr=1e-3)
    x, y = torch.rand(4792 // 30, 30, 30, 1), torch.rand(4792 // 30, 30, 1)
    best = 1e9
    for _ in range(3):
        began = time.thread_time()
        for i in range(len(x)):
            adam.zero_grad()
            loss = ((out(lstm(x[i])[0][:, -1]) - y[i]) ** 2).mean()
            loss.backward()
            adam.step()
        best = min(best, time.thread_time() - began)
    print(f"PyTorch {torch.__version__}, hidden {hidden:3}: {best:.3f} s an epoch")
EOF
