"""The stop button during a training, in a real kernel."""

from __future__ import annotations

import sys
import time

import pytest
from jupyter_client.manager import start_new_kernel

PREPARED = """
import torch
from lenet_helpers.model import LeNet5
from lenet_helpers.training import fit
model = LeNet5()
first = model.classifier.linear3.weight.detach().clone()
batch = (torch.zeros(8, 1, 32, 32), torch.zeros(8).long())
"""
TRAINED = """
def augment(images):
    print("step", flush=True)
    return images

fit(model, [batch] * 100, epochs=10**6, optimizer=torch.optim.SGD(model.parameters(), 0.1),
    augment=augment, progress=False)
"""
USED = "print('moved', not torch.equal(model.classifier.linear3.weight, first))"


def replies_and_outputs(client, wanted):
    """Replies to the requests, in their order, and what was printed or shown meanwhile."""
    replies, outputs = {}, []
    deadline = time.monotonic() + 120
    while set(replies) != set(wanted) and time.monotonic() < deadline:
        message = client.get_shell_msg(timeout=120)
        replies[message["parent_header"]["msg_id"]] = message["content"]
    while True:
        try:
            outputs.append(client.get_iopub_msg(timeout=1))
        except Exception:  # nothing more comes
            return [replies[request] for request in wanted], outputs


@pytest.mark.skipif(sys.platform == "win32", reason="the test waits for a message of POSIX kernels")
def test_the_stop_button_ends_the_run_of_all_cells_and_keeps_the_model():
    manager, client = start_new_kernel()
    try:
        client.execute(PREPARED, reply=True, timeout=120)
        queue = [client.execute(TRAINED), client.execute("print('next cell')")]  # Run All
        steps = 0
        while steps < 3:  # it is printed before a step, so some were taken
            message = client.get_iopub_msg(timeout=120)
            steps += message["content"].get("text", "").count("step")
        manager.interrupt_kernel()
        (trained, following), outputs = replies_and_outputs(client, queue)
        assert (trained["status"], trained["ename"]) == ("error", "TrainingStopped")
        assert "Stopped after 0 of 1000000 epochs. The model keeps" in trained["evalue"]
        assert following["status"] == "aborted"
        printed = "".join(m["content"].get("text", "") for m in outputs)
        assert "next cell" not in printed
        shown = [m["content"]["traceback"] for m in outputs if m["msg_type"] == "error"]
        assert len(shown) == 1
        assert len(shown[0]) == 1, "one line and no traceback"
        used, outputs = replies_and_outputs(client, [client.execute(USED)])
        assert used[0]["status"] == "ok"
        assert "moved True" in "".join(m["content"].get("text", "") for m in outputs)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
