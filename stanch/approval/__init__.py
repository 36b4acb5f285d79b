"""The front of an approval: signed links, the page that they open, and the tokens of its form. Who may decide is `stanch.decision`'s to say."""
