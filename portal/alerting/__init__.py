"""Telling programs and people what happened: events become messages, messages are delivered and tried again.

event_types  the catalogue of what can be subscribed to, with examples
envelopes    an event, as today's types and bodies tell it
matching     who wants it; writes the messages (the subscriber of the event stream)
consumers    endpoints: made, changed, paused, their secrets
messages     resend, recover, replay, send an example
signing      proof that it was us
plans        when to try again
channels     how a kind of message is sent and judged
delivery     claiming what is due and writing down what came of it
courier      the process that delivers

Alerting rules, of which an event makes alerts first (docs/alerting.md):

rule_types   the catalogue of what can be watched
conditions   what an event says to a type; periodic: what no event says
rules        folding, recovery, and who is told (a subscriber of the event stream)
quiet        snoozes, quiet hours, maintenance
notices      the bodies, with emails and slack; rule_channel and email_channel send them
trying       an example sent by hand; preview: how often a rule would have fired
"""
