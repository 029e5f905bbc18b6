from __future__ import annotations

from django import forms

from portal.actions.incidents import MAX_NOTE


class AcknowledgeForm(forms.Form):
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=MAX_NOTE,
        help_text="What is known, who was asked, when you look again.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
