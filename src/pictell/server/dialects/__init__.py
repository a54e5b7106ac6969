"""Other services' APIs over pictell's: one module each, with `router(service) -> APIRouter`; all that are here are served."""
