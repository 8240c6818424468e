"""Which configuration serves an endpoint: rules, ranking, GPU memory, launch. Imports engines and hardware."""
