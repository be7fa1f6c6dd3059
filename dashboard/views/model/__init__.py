"""One model: latency by path and over time, echo, buffers, response, what was granted."""
