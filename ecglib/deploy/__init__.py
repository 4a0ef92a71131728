"""From a network to something that runs without PyTorch."""
