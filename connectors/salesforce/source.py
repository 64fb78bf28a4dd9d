"""Our fields, permission sets, list views, report type, reports and dashboard as a Salesforce source project. Pure: texts.

Element names: Metadata API Developer Guide, checked against jsforce's schema of it by `conformance/exported.py`. Nothing here
runs code in the org: no Apex, no flow, no trigger.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

from connectors.fields import FIELDS
from connectors.salesforce.permissions import PermissionSet, integration, viewer
from connectors.salesforce.schema import NAMES, OBJECT, SIGNAL, metadata
from scoring.records import COMFORT, UNDER

API_VERSION = "68.0"
HERE = "force-app/main/default"
FOLDER, REPORT_TYPE, DASHBOARD = "Assay", "Assay_Accounts", "Assay_Overview"
#: columns of list views, after the name and the traffic light
VIEWED = ("potential", "grade", "hours", "fair_hours", "reason", "next_step")
VIEWS = {
    "Assay_My_Comfort_Zones": ("My comfort zones", "Mine", {NAMES["state"]: COMFORT}),
    "Assay_Under_Worked": ("Under-worked with potential", "Everything", {NAMES["state"]: UNDER, NAMES["grade"]: "A,B"}),
}
#: name -> (title, grouped by, only this state, columns). Never by person: Assay ranks nobody.
REPORTS: Mapping[str, tuple[str, str, str, Sequence[str]]] = {
    "Where_Selling_Time_Goes": ("Where selling time goes", "state", "", ("hours", "fair_hours", "potential")),
    "Comfort_Zones": (
        "Comfort zones",
        "grade",
        COMFORT,
        ("hours", "fair_hours", "potential", "since", "reason", "next_step"),
    ),
    "Under_Worked": (
        "Under-worked with potential",
        "grade",
        UNDER,
        ("potential", "hours", "fair_hours", "reason", "next_step"),
    ),
}
SUMMED = ("hours", "fair_hours", "potential")
LIGHTS = {
    COMFORT: ("light_red.gif", "red light: more time than its potential earns, and nothing moves"),
    UNDER: ("light_yellow.gif", "yellow light: potential without selling time"),
    "Earning its time": ("light_green.gif", "green light: much time, and it pays"),
    "Balanced": ("light_green.gif", "green light: time in proportion to potential"),
}


def project() -> dict[str, str]:
    """Map path -> text of every file."""
    files = {"sfdx-project.json": _project_file(), f"{HERE}/{_field_path(SIGNAL)}": _xml("CustomField", _signal())}
    for field in FIELDS:
        name = NAMES[field.meaning]
        files[f"{HERE}/{_field_path(name)}"] = _xml("CustomField", {"fullName": name} | metadata(field)["Metadata"])
    for one in (integration().everywhere(), viewer()):
        files[f"{HERE}/permissionsets/{one.name}.permissionset-meta.xml"] = _xml("PermissionSet", _permissions(one))
    for name, (label, scope, filters) in VIEWS.items():
        path = f"{HERE}/objects/{OBJECT}/listViews/{name}.listView-meta.xml"
        files[path] = _xml("ListView", _view(name, label, scope, filters))
    return files | _reports()


def _reports() -> dict[str, str]:
    folder = {"accessType": "Public", "name": "Assay", "publicFolderAccess": "ReadOnly"}
    files = {
        f"{HERE}/reportTypes/{REPORT_TYPE}.reportType-meta.xml": _xml("ReportType", _report_type()),
        f"{HERE}/reports/{FOLDER}.reportFolder-meta.xml": _xml("ReportFolder", folder),
        f"{HERE}/dashboards/{FOLDER}.dashboardFolder-meta.xml": _xml("DashboardFolder", folder),
        f"{HERE}/dashboards/{FOLDER}/{DASHBOARD}.dashboard-meta.xml": _xml("Dashboard", _dashboard()),
    }
    for name, facts in REPORTS.items():
        files[f"{HERE}/reports/{FOLDER}/{name}.report-meta.xml"] = _xml("Report", _report(*facts))
    return files


def _project_file() -> str:
    directories = [{"path": "force-app", "default": True}]
    return (
        json.dumps(
            {"packageDirectories": directories, "name": "assay", "namespace": "", "sourceApiVersion": API_VERSION}, indent=2
        )
        + "\n"
    )


def _field_path(name: str) -> str:
    return f"objects/{OBJECT}/fields/{name}.field-meta.xml"


def _signal() -> dict[str, Any]:
    """Return a picture with alternative text, and the state in words: never colour alone ("Sample Image Link Formulas")."""
    state = NAMES["state"]
    cases = ", ".join(f'"{s}", IMAGE("/img/samples/{file}", "{alt}") & " "' for s, (file, alt) in LIGHTS.items())
    return {
        "fullName": SIGNAL,
        "type": "Text",
        "label": "Assay: signal",
        "required": False,
        "formulaTreatBlanksAs": "BlankAsZero",
        "formula": f'CASE({state}, {cases}, "") & TEXT({state})',
        "inlineHelpText": "Assay's state of this account as a traffic light.",
    }


def _permissions(one: PermissionSet) -> dict[str, Any]:
    fields = one.fields() | {f"{OBJECT}.{SIGNAL}": {"Read"}}
    return {
        "label": one.label,
        "description": one.description,
        "hasActivationRequired": False,
        "userPermissions": [{"name": name, "enabled": True} for name in sorted(one.user())],
        "objectPermissions": [
            {
                "object": name,
                "allowRead": "Read" in r,
                "allowEdit": "Edit" in r,
                "allowCreate": False,
                "allowDelete": False,
                "viewAllRecords": "ViewAllRecords" in r,
                "modifyAllRecords": False,
            }
            for name, r in sorted(one.objects().items())
        ],
        "fieldPermissions": [
            {"field": path, "readable": True, "editable": "Edit" in rights} for path, rights in sorted(fields.items())
        ],
    }


def _view(name: str, label: str, scope: str, filters: Mapping[str, str]) -> dict[str, Any]:
    return {
        "fullName": name,
        "label": label,
        "filterScope": scope,
        "columns": ["ACCOUNT.NAME", SIGNAL, *(NAMES[m] for m in VIEWED)],
        "filters": [{"field": field, "operation": "equals", "value": value} for field, value in filters.items()],
    }


def _report_type() -> dict[str, Any]:
    ours = [SIGNAL, *NAMES.values()]
    sections = {"Account": ("Name", "Owner", "Type", "Industry", "CreatedDate"), "Assay": ours}
    columns = {
        title: [{"field": f, "table": OBJECT, "checkedByDefault": f in ("Name", NAMES["state"])} for f in names]
        for title, names in sections.items()
    }
    return {
        "baseObject": OBJECT,
        "category": "accounts",
        "deployed": True,
        "label": "Assay: accounts",
        "description": "Accounts with potential, selling time and what to do next.",
        "sections": [{"masterLabel": title, "columns": found} for title, found in columns.items()],
    }


def _report(title: str, grouped: str, only: str, columns: Sequence[str]) -> dict[str, Any]:
    criteria = [
        {"column": _column("state"), "columnToColumn": False, "isUnlocked": True, "operator": "equals", "value": only}
    ]
    return {
        "name": title,
        "format": "Summary",
        "reportType": f"{REPORT_TYPE}__c",
        "scope": "organization",
        "showDetails": bool(only),
        "showGrandTotal": True,
        "showSubTotals": True,
        "columns": [{"field": f"{OBJECT}$Name"}, *(_summed(c) for c in columns)],
        "groupingsDown": [{"field": _column(grouped), "dateGranularity": "Day", "sortOrder": "Asc"}],
        "timeFrameFilter": {"dateColumn": f"{OBJECT}$CreatedDate", "interval": "INTERVAL_CUSTOM"},
    } | ({"filter": {"criteriaItems": criteria}} if only else {})


def _summed(meaning: str) -> dict[str, Any]:
    return ({"aggregateTypes": ["Sum"]} if meaning in SUMMED else {}) | {"field": _column(meaning)}


def _column(meaning: str) -> str:
    return f"{OBJECT}${NAMES[meaning]}"


def _dashboard() -> dict[str, Any]:
    """One chart a report, side by side; each person sees the records she may see."""
    charts = [
        {"columnIndex": 4 * at, "rowIndex": 0, "colSpan": 4, "rowSpan": 8, "dashboardComponent": _chart(name)}
        for at, name in enumerate(REPORTS)
    ]
    return {
        "title": "Assay: potential against selling time",
        "dashboardType": "LoggedInUser",
        "isGridLayout": True,
        "dashboardGridLayout": {"numberOfColumns": 12, "rowHeight": 36, "dashboardGridComponents": charts},
        "backgroundStartColor": "#FFFFFF",
        "backgroundEndColor": "#FFFFFF",
        "backgroundFadeDirection": "Diagonal",
        "textColor": "#000000",
        "titleColor": "#000000",
        "titleSize": 12,
    }


def _chart(report: str) -> dict[str, Any]:
    title, grouped, _, columns = REPORTS[report]
    return {
        "componentType": "Bar",
        "header": title,
        "report": f"{FOLDER}/{report}",
        "displayUnits": "Auto",
        "chartAxisRange": "Auto",
        "groupingColumn": [_column(grouped)],
        "legendPosition": "Bottom",
        "showValues": True,
        "showPercentage": False,
        "showPicturesOnCharts": False,
        "drillEnabled": False,
        "drillToDetailEnabled": False,
        "enableHover": True,
        "expandOthers": False,
        "useReportChart": False,
        "sortBy": "RowLabelAscending",
        "autoselectColumnsFromReport": False,
        "chartSummary": [{"axisBinding": "y", "aggregate": "Sum", "column": _column(columns[0])}],
    }


def _xml(kind: str, body: Mapping[str, Any]) -> str:
    """Return a metadata file: elements in alphabetical order, as the Metadata API itself writes them."""
    inside = "".join(_element(name, body[name], 1) for name in sorted(body))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<{kind} xmlns="http://soap.sforce.com/2006/04/metadata">\n{inside}</{kind}>\n'


def _element(name: str, value: Any, depth: int) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one, depth) for one in value)
    pad = "    " * depth
    if isinstance(value, dict):
        value = {k: v for k, v in value.items() if k != "valueName"}  # the Tooling API's own word for fullName
        inside = "".join(_element(key, value[key], depth + 1) for key in sorted(value))
        return f"{pad}<{name}>\n{inside}{pad}</{name}>\n"
    text = str(value).lower() if isinstance(value, bool) else escape(str(value))
    return f"{pad}<{name}>{text}</{name}>\n"
