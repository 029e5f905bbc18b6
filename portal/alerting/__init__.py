"""Telling programs what happened: events become messages, messages are delivered and tried again.

event_types  the catalogue of what can be subscribed to, with examples
envelopes    an event, as today's types and bodies tell it
matching     who wants it; writes the messages (the subscriber of the event stream)
consumers    endpoints: made, changed, paused, their secrets
messages     resend, recover, replay, send an example
signing      proof that it was us
plans        when to try again
channels     how a kind of message is sent and judged; alerting rules and e-mail register theirs
delivery     claiming what is due and writing down what came of it
courier      the process that delivers
"""
