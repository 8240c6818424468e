"""What scaling would have cost: recorded traffic, replayed with replicas that an autoscaler sets. Pure functions."""
