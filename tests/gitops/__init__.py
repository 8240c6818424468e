"""What Argo CD and Flux make of this project's objects: their own checks, written from one table and run for real."""
