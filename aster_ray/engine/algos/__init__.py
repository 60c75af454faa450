"""Execution algorithms: one netted order becomes children, and what it cost is recorded.

All of it is pure: no connection, no clock, no random number. A host drives ``ParentOrders`` (module
``parent_orders``; the rest of what it needs is in ``parent``, ``child`` and ``observe``) so::

    orders = ParentOrders(instruments, settings.execution, journal_records)
    for symbol, child_id in orders.in_doubt():  # after a restart: ask before anything else
        orders.heard(await client.order(symbol, child_id))  # None: see below
    ...
    actions = orders.start(parent_of(requests, symbol, ...), now_ms, norms)  # one close, one symbol
    actions += orders.market(event)  # every BookUpdate, QuoteUpdate and BarUpdate of the stream
    actions += orders.tick(now_ms)  # every 100 to 250 ms while orders.states is not empty
    actions += orders.heard(venue_order, fee)  # every OrderUpdate, every answer to a query
    ...
    for record in orders.records():  # write-ahead: on disk before a single action leaves
        journal.append(record)
    journal.commit()
    for action in actions:
        match action:
            case Place():  # orders.ticket(action) is what ``TradingClient.place`` takes
            case Cancel():  # ``TradingClient.cancel(symbol, action.child_id)``
    for cost in orders.finished():  # shortfall_table(...) for the report
        ...

Rules for the host:

* Every call returns actions; collect them, make ``records()`` durable, then carry them out, in
  their order. A crash before the commit forgets the actions as well: they come again, under the
  same ids. A crash after it leaves children in doubt, which count as outstanding.
* What a client raises: ``RejectedError`` is ``ChildUpdate(evidence=REJECTED)``;
  ``OutcomeUnknownError`` is ``UNKNOWN``, and the child is queried until the venue answers;
  ``RetryableError`` is ``DONE`` with nothing filled: nothing happened, and the algorithm places
  anew after its pause. A refused or expired post-only child is REJECTED or DONE likewise.
* ``TradingClient.order`` that returns None is no evidence while the request may still arrive. Once
  it no longer can, say DONE with nothing filled: the lots are then placed under another id.
* ``cancel`` that returns None says that the order does not rest: query it; its final state, with
  what it filled, is the evidence. A Cancel that is not answered by evidence is repeated.
* DONE must carry all that filled, and the fee, or it is reckoned at the instrument's rates. Fills
  may be told in any order and any number of times.
* All times are of one clock, the venue's. After a restart feed quotes and bars before the tick.
* At its deadline a parent withdraws what rests and places nothing more; it stays in ``states`` and
  in ``at_work`` until the venue has told the end of its last child. The next close decides anew on
  the position as it then is: a host adds ``at_work(symbol)`` where it must know what may come.
"""
