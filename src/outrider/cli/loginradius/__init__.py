"""Moving in from LoginRadius: `site` reads its webhooks, `plan` decides, `report` tells."""
