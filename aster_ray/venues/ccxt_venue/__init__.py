"""Any venue of ccxt: market data and execution in the vocabulary of ``model.venue``."""
