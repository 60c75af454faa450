"""Everything the exchange says no to, with its codes and words.

Codes and texts are those of the error list of Aster's futures API v3, except where a comment says
that the document has none; there the code of the API it descends from stands in.
"""

from __future__ import annotations

from enum import Enum


class Reason(Enum):
    """Code and text; ``{}`` takes what the refusal is about."""

    UNKNOWN_OUTCOME = (-1000, "An unknown error occured while processing the request.")
    TOO_MANY_REQUESTS = (
        -1003,
        (
            "Too many requests; current limit is {} requests per minute. Please use the websocket "
            "for live updates to avoid polling the API."
        ),
    )
    BANNED = (
        -1003,
        (
            "Way too many requests; IP banned until {}. Please use the websocket for live updates "
            "to avoid bans."
        ),
    )
    ORDER_COMPOSITION = (-1014, "Unsupported order combination.")
    TOO_MANY_ORDERS = (-1015, "Too many new orders; current limit is {} orders per MINUTE.")
    BAD_SIGNATURE = (-1022, "Signature for this request is not valid.")
    START_AFTER_END = (-1023, "Start time is greater than end time.")
    ILLEGAL_CHARACTERS = (
        -1100,
        "Illegal characters found in parameter '{}'; legal range is '{}'.",
    )
    MISSING = (-1102, "Mandatory parameter '{}' was not sent, was empty/null, or malformed.")
    MISSING_BOTH = (-1102, "Param '{}' or '{}' must be sent, but both were empty/null!")
    NOT_REQUIRED = (-1106, "Parameter '{}' sent when not required.")
    PRECISION = (-1111, "Precision is over the maximum defined for this asset.")
    NO_DEPTH = (-1112, "No orders on book for symbol.")
    BAD_TIME_IN_FORCE = (-1115, "Invalid timeInForce.")
    BAD_TYPE = (-1116, "Invalid orderType.")
    BAD_SIDE = (-1117, "Invalid side.")
    BAD_INTERVAL = (-1120, "Invalid interval.")
    BAD_SYMBOL = (-1121, "Invalid symbol.")
    BAD_LISTEN_KEY = (-1125, "This listenKey does not exist.")
    BAD_COMBINATION = (-1128, "Combination of optional parameters invalid.")
    BAD_PARAMETER = (-1130, "Data sent for parameter '{}' is not valid.")
    BAD_RESPONSE_TYPE = (-1136, "Invalid newOrderRespType.")
    UNKNOWN_ORDER = (-2011, "Unknown order sent.")
    NO_SUCH_ORDER = (-2013, "Order does not exist.")
    NO_PERMISSION = (-2015, "Invalid API-key, IP, or permissions for action.")
    NO_MARGIN = (-2019, "Margin is insufficient.")
    UNABLE_TO_FILL = (-2020, "Unable to fill.")
    WOULD_TRIGGER = (-2021, "Order would immediately trigger.")
    REDUCE_ONLY = (-2022, "ReduceOnly Order is rejected.")
    MAX_ORDERS = (-2025, "Reach max open order limit.")
    MAX_POSITION = (-2027, "Exceeded the maximum allowable position at current leverage.")
    LEVERAGE_TOO_LOW = (
        -2028,
        "Leverage is smaller than permitted: insufficient margin balance.",
    )
    BUILDER = (-2031, "Invalid builder parameter.")
    PRICE_NEGATIVE = (-4001, "Price less than 0.")
    PRICE_ABOVE_MAX = (-4002, "Price greater than max price.")
    QTY_NEGATIVE = (-4003, "Quantity less than zero.")
    QTY_BELOW_MIN = (-4004, "Quantity less than min quantity.")
    QTY_ABOVE_MAX = (-4005, "Quantity greater than max quantity.")
    STOP_NEGATIVE = (-4006, "Stop price less than zero.")
    STOP_ABOVE_MAX = (-4007, "Stop price greater than max price.")
    PRICE_BELOW_MIN = (-4013, "Price less than min price.")
    PRICE_TICK = (-4014, "Price not increased by tick size.")
    BAD_CLIENT_ID = (-4015, "Client order id is not valid.")
    PRICE_ABOVE_CAP = (-4016, "Price is higher than mark price multiplier cap.")
    BAD_DEPTH_LIMIT = (-4021, "'{}' is not valid depth limit.")
    QTY_STEP = (-4023, "Qty not increased by step size.")
    PRICE_BELOW_FLOOR = (-4024, "Price is lower than mark price multiplier floor.")
    BAD_LEVERAGE = (-4028, "Leverage {} is not valid")
    BAD_WORKING_TYPE = (-4031, "Invalid parameter working type: {}")
    CANCEL_SIZE = (-4032, "Exceed maximum cancel order size.")
    MAX_STOPS = (-4045, "Reach max stop order limit.")
    SAME_MARGIN_TYPE = (-4046, "No need to change margin type.")
    MARGIN_TYPE_ORDERS = (-4047, "Margin type cannot be changed if there exists open orders.")
    MARGIN_TYPE_POSITION = (-4048, "Margin type cannot be changed if there exists position.")
    NOT_ISOLATED = (-4049, "Add margin only support for isolated position.")
    CROSS_INSUFFICIENT = (-4050, "Cross balance insufficient.")
    ISOLATED_INSUFFICIENT = (-4051, "Isolated balance insufficient.")
    MARGIN_NO_POSITION = (-4054, "Cannot add position margin: position is 0.")
    AMOUNT_NOT_POSITIVE = (-4055, "Amount must be positive.")
    SAME_POSITION_MODE = (-4059, "No need to change position side.")
    BAD_POSITION_SIDE = (-4060, "Invalid position side.")
    POSITION_SIDE_MISMATCH = (-4061, "Order's position side does not match user's setting.")
    REDUCE_ONLY_CONFLICT = (-4062, "Invalid or improper reduceOnly value.")
    POSITION_MODE_ORDERS = (
        -4067,
        "Position side cannot be changed if there exists open orders.",
    )
    POSITION_MODE_POSITION = (
        -4068,
        "Position side cannot be changed if there exists position.",
    )
    BATCH_SIZE = (-4082, "Invalid number of batch place orders: {}")
    # Not in Aster's list; seen in its API's ancestor.
    DUPLICATE_CLIENT_ID = (-4116, "ClientOrderId is duplicated.")
    BEST_PRICE_OUTSIDE = (
        -4131,
        "The counterparty's best price does not meet the PERCENT_PRICE filter limit",
    )
    BAD_ACTIVATION_PRICE = (-4135, "Invalid activation price")
    QTY_WITH_CLOSE = (-4137, "Quantity must be zero with closePosition equals true")
    CLOSE_NEEDS_REDUCE = (-4138, "Reduce only must be true with closePosition equals true")
    ISOLATED_LEVERAGE = (
        -4161,
        "Leverage reduction is not supported in Isolated Margin Mode with open positions",
    )
    MIN_NOTIONAL = (
        -4164,
        "Order's notional must be no smaller than {} (unless you choose reduce only)",
    )
    SPAN_TOO_LONG = (-4165, "Maximum time interval is {} days")
    ABOVE_STOP_CAP = (-4183, "Price is higher than stop price multiplier cap.")
    BELOW_STOP_FLOOR = (-4184, "Price is lower than stop price multiplier floor.")
    # Seen in a demonstration of Aster's; the list lacks it.
    NONCE_EXPIRED = (-4225, "Nonce Expired")
    # Not in Aster's list; only sent when the exchange is set to reject crossing post-only orders.
    POST_ONLY = (-5022, "Post Only order will be rejected.")

    @property
    def code(self) -> int:
        """Return the number clients branch on."""
        return self.value[0]


class RefusedError(Exception):
    """The exchange says no.

    Attributes:
        reason: which no.
        code, text: what goes over the wire.
        status: HTTP status it goes with.
    """

    def __init__(self, reason: Reason, *about: object, status: int = 400) -> None:
        self.reason = reason
        self.code = reason.code
        self.text = reason.value[1].format(*about)
        self.status = status
        super().__init__(f"{self.code} {self.text}")
