"""Results to experiment trackers: MLflow, TensorBoard, Weights & Biases. It reads stored results and no more."""
