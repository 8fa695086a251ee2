"""bench_peer.py - the nets of vrs-predictor in PyTorch, to compare with.

Built into vrs-predictor, which runs it for `bench` where PyTorch is installed; the reference
of the unit tests is made with it, too (tests/unit/predictor/make-reference). Says "ready
VERSION", then answers each line on standard input with one line. Numbers come as files of
32-bit floats. CPU time of one thread.
"""
import math
import os
import sys
import time

import torch
from torch import nn

TAU = (0.5, 0.9, 0.99)
WEIGHT = (1.5, 1.2, 2.0)


def floats(path):
    return torch.from_file(path, size=os.path.getsize(path) // 4).clone()


class Cursor:
    """Takes weights off a flat vector, layer by layer."""

    def __init__(self, flat):
        self.flat, self.at = flat, 0

    def take(self, *shape):
        n = math.prod(shape)
        part = self.flat[self.at : self.at + n].view(*shape)
        self.at += n
        return part


def load_lstm(lstm, cursor):
    """One matrix [4 hidden][in + hidden] and one bias; PyTorch's second bias stays 0."""
    n_in, hidden = lstm.input_size, lstm.hidden_size
    both = cursor.take(4 * hidden, n_in + hidden)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(both[:, :n_in])
        lstm.weight_hh_l0.copy_(both[:, n_in:])
        lstm.bias_ih_l0.copy_(cursor.take(4 * hidden))
        lstm.bias_hh_l0.zero_()
    lstm.bias_hh_l0.requires_grad_(False)


def load_linear(layer, cursor):
    with torch.no_grad():
        layer.weight.copy_(cursor.take(*layer.weight.shape))
        if layer.bias is not None:
            layer.bias.copy_(cursor.take(*layer.bias.shape))


class Paper(nn.Module):
    def __init__(self, hidden, flat):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)
        cursor = Cursor(flat)
        load_lstm(self.lstm, cursor)
        load_linear(self.out, cursor)

    def forward(self, x):
        return self.out(self.lstm(x.unsqueeze(-1))[0][:, -1])[:, 0]


class Net(nn.Module):
    """An encoder, a context, a decoder that all steps share, a head for the peaks."""

    def __init__(self, enc_in, hidden, facts, context, dec_in, dec_a, dec_b, peak_in, peak_a, flat):
        super().__init__()
        self.hidden = hidden
        cursor = Cursor(flat)
        self.lstm = nn.LSTM(enc_in, hidden, batch_first=True)
        self.ctx = nn.Linear(hidden + facts, context)
        self.dec_ctx = nn.Linear(context, dec_a, bias=False)
        self.dec_a = nn.Linear(dec_in, dec_a)
        self.dec_b = nn.Linear(dec_a, dec_b)
        self.out = nn.Linear(dec_b, 3)
        self.peak_a = nn.Linear(context + peak_in, peak_a)
        self.peak_out = nn.Linear(peak_a, 6)
        load_lstm(self.lstm, cursor)
        for layer in (self.ctx, self.dec_ctx, self.dec_a, self.dec_b, self.out, self.peak_a, self.peak_out):
            load_linear(layer, cursor)

    def forward(self, enc, facts, dec, peak):
        h = self.lstm(enc)[1][0][0]
        ctx = torch.relu(self.ctx(torch.cat((h, facts), 1)))
        a = torch.relu(self.dec_a(dec) + self.dec_ctx(ctx).unsqueeze(1))
        q = self.out(torch.relu(self.dec_b(a)))
        p = self.peak_out(torch.relu(self.peak_a(torch.cat((ctx, peak), 1))))
        return q, p.view(-1, 2, 3)


def pinball(truth, quantiles):
    d = truth.unsqueeze(-1) - quantiles
    tau = torch.tensor(TAU)
    return (torch.tensor(WEIGHT) * torch.maximum(tau * d, (tau - 1) * d)).sum(-1)


def net_loss(q, p, y, peak_y):
    return pinball(y, q).mean(1).mean() + 0.5 * pinball(peak_y, p).mean(1).mean()


def one_cycle(step, steps, top):
    up, low, end = 0.3 * steps, top / 25, top / 2.5e5
    if step < up:
        return low + (top - low) * (1 - math.cos(math.pi * step / up)) / 2
    x = (step - up) / max(1, steps - up)
    return end + (top - end) * (1 + math.cos(math.pi * min(x, 1))) / 2


def train_paper(net, x, y, batch, epochs, rate=1e-3):
    """Rows in order; returns seconds an epoch and the mean loss of the last one."""
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], lr=rate)
    began = time.process_time()
    for _ in range(epochs):
        total = 0.0
        for i in range(0, len(x), batch):
            adam.zero_grad()
            loss = ((net(x[i : i + batch]) - y[i : i + batch]) ** 2).mean()
            loss.backward()
            adam.step()
            total += loss.item() * len(x[i : i + batch])
    return (time.process_time() - began) / epochs, total / len(x)


def train_net(net, data, batch, epochs, rate):
    parameters = [p for p in net.parameters() if p.requires_grad]
    adam = torch.optim.Adam(parameters, lr=rate)
    n = len(data[0])
    steps, step = -(-n // batch) * epochs, 0
    began = time.process_time()
    for _ in range(epochs):
        total = 0.0
        for i in range(0, n, batch):
            part = [d[i : i + batch] for d in data]
            for group in adam.param_groups:
                group["lr"] = one_cycle(step, steps, rate)
            adam.zero_grad()
            loss = net_loss(*net(*part[:4]), *part[4:])
            loss.backward()
            nn.utils.clip_grad_norm_(parameters, 1)
            adam.step()
            total += loss.item() * len(part[0])
            step += 1
    return time.process_time() - began, total / n


def infer_net(net, data, batch):
    began = time.process_time()
    with torch.no_grad():
        for i in range(0, len(data[0]), batch):
            net(*[d[i : i + batch] for d in data[:4]])
    return time.process_time() - began


def load_net(folder, shape):
    enc_in, hidden, facts, context, dec_in, dec_a, dec_b, peak_in, peak_a, steps, horizon = shape
    net = Net(enc_in, hidden, facts, context, dec_in, dec_a, dec_b, peak_in, peak_a, floats(folder + "/weights"))
    data = [
        floats(folder + "/enc").view(-1, steps, enc_in),
        floats(folder + "/facts").view(-1, facts),
        floats(folder + "/dec").view(-1, horizon, dec_in),
        floats(folder + "/peak").view(-1, peak_in),
        floats(folder + "/y").view(-1, horizon),
        floats(folder + "/peak_y").view(-1, 2),
    ]
    return net, data


def answer(words):
    """paper FOLDER HIDDEN WINDOW BATCH EPOCHS | train FOLDER BATCH EPOCHS RATE SHAPE... |
    infer FOLDER BATCH SHAPE..."""
    if words[0] == "paper":
        hidden, window, batch, epochs = map(int, words[2:6])
        rows = floats(words[1] + "/rows").view(-1, window + 1)
        net = Paper(hidden, floats(words[1] + "/weights"))
        return train_paper(net, rows[:, :window].contiguous(), rows[:, window].contiguous(), batch, epochs)
    if words[0] == "train":
        net, data = load_net(words[1], list(map(int, words[5:])))
        return train_net(net, data, int(words[2]), int(words[3]), float(words[4]))
    net, data = load_net(words[1], list(map(int, words[3:])))
    return infer_net(net, data, int(words[2])), 0.0


def main():
    torch.set_num_threads(1)
    print("ready", torch.__version__, flush=True)
    for line in sys.stdin:
        print("%.9g %.9g" % answer(line.split()), flush=True)


if __name__ == "__main__":
    main()
