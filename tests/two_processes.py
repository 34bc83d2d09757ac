"""What each of two processes runs for ``test_two_processes_train_one_model``."""

import json
import sys
from pathlib import Path

import torch

from test_training import config_with, trainer

folder = Path(sys.argv[1])
run = trainer(config_with(objective={"pretrain": 0.2, "pretrain_decoder": "bag_of_words", "free_bits": 1.0},
                          train={"steps": 200, "lr": 0.01}), folder)  # fmt: skip
outcome = run.run()
result = {
    "weights": float(sum(p.double().sum() for p in run.model.parameters())),
    "noise": torch.randn(1).item(),
    "tokens": outcome.tokens,
}
(folder / f"rank{run.processes.index}.json").write_text(json.dumps(result))
