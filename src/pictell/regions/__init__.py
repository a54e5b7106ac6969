"""Features of regions that a detector found in photos, computed elsewhere: reading them in the layouts they are published in."""

from pictell.regions.found import Regions, RegionSettings
from pictell.regions.given import GivenRegions
from pictell.regions.opening import open_regions
from pictell.regions.store import RegionStore

__all__ = ["GivenRegions", "RegionSettings", "RegionStore", "Regions", "open_regions"]
