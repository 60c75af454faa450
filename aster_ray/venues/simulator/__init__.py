"""An exchange to trade against without money: Aster futures v3, as its documents describe it."""
