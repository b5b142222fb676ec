"""CloudWatch's metric math for one period, as its User Guide has it ("Using metric math"): what it makes of values, and of values
that are missing."""

import ast
import operator
import re
from dataclasses import dataclass

OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.And: lambda one, other: bool(one) and bool(other),
    ast.Or: lambda one, other: bool(one) or bool(other),
}


@dataclass
class Series:
    """What a time series has for the period; None where it has nothing. A number that is written in an expression is no series."""

    value: float | None


class Period:
    """One period, in which `counted` are the values of the metrics by their ids. The others have none, and where `fills` is false
    they have none in any other period either, so that FILL has no series to fill: what it does then is said nowhere."""

    def __init__(self, queries, counted, fills=True):
        self.queries = {one["Id"]: one for one in queries}
        self.counted, self.fills = counted, fills
        self.metrics = [id_ for id_, one in self.queries.items() if "MetricStat" in one]
        unknown = set(counted) - set(self.metrics)
        assert not unknown, f"{unknown}: there are {self.metrics}"

    def returned(self):
        """The value that the alarm looks at; None for no data."""
        [id_] = [id_ for id_, one in self.queries.items() if one.get("ReturnData", True)]
        return self.of(id_).value

    def of(self, id_):
        if id_ in self.metrics:
            return Series(self.counted.get(id_))
        text = re.sub(r"\b(AND|OR)\b", lambda word: word[0].lower(), self.queries[id_]["Expression"])
        return self.worked_out(ast.parse(text, mode="eval").body)

    def worked_out(self, node):
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=id_):
                return self.of(id_)
            case ast.BinOp(left=left, op=op, right=right):
                return combined(op, self.worked_out(left), self.worked_out(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]):
                return combined(op, self.worked_out(left), self.worked_out(right))
            case ast.BoolOp(op=op, values=[first, *others]):
                value = self.worked_out(first)
                for one in others:
                    value = combined(op, value, self.worked_out(one))
                return value
            case ast.Call(func=ast.Name(id="METRICS"), args=[]):
                return [self.of(id_) for id_ in self.metrics]
            case ast.Call(func=ast.Name(id="FILL"), args=[series, ast.Constant(value=filler)]):
                return self.filled(self.worked_out(series), filler)
            case ast.Call(func=ast.Name(id="SUM"), args=[series]):
                values = [one.value for one in self.worked_out(series) if one.value is not None]
                return Series(sum(values) if values else None)
            case ast.Call(func=ast.Name(id="IF"), args=[condition, if_true, if_false]):
                return chosen(*(self.worked_out(one) for one in (condition, if_true, if_false)))
        raise AssertionError(f"this is not read: {ast.unparse(node)}")

    def filled(self, series, filler):
        if isinstance(series, list):
            return [self.filled(one, filler) for one in series]
        return Series(filler) if series.value is None and self.fills else series


def combined(op, one, other):
    """"Missing values in a time series are treated as 0", and where all are missing there is none. A division by zero drops the
    data point."""
    values = [side.value for side in (one, other) if isinstance(side, Series)]
    if values and all(value is None for value in values):
        return Series(None)
    numbers = [(side.value or 0) if isinstance(side, Series) else side for side in (one, other)]
    try:
        result = float(OPERATORS[type(op)](*numbers))
    except ZeroDivisionError:
        return Series(None)
    return Series(result) if values else result


def chosen(condition, if_true, if_false):
    """Without a condition there is no data point. What is missing is 0 where the condition holds, and dropped where it does not."""
    if condition.value is None:
        return condition
    branch = if_true if condition.value else if_false
    if not isinstance(branch, Series):
        return Series(branch)
    return Series(0.0) if branch.value is None and condition.value else branch
