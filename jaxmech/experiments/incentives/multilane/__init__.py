"""The studies of transfers for agents in lanes, who had better end up side by side."""
