"""Alert conditions, one file each. To add one, write the file and add its name to `Condition`."""

from atlas_core.conditions.count_threshold import CountThreshold
from atlas_core.conditions.critical_error import CriticalError
from atlas_core.conditions.new_issue import NewIssue
from atlas_core.conditions.regression import Regression

Condition = NewIssue | CriticalError | CountThreshold | Regression

__all__ = ["Condition", "CountThreshold", "CriticalError", "NewIssue", "Regression"]
