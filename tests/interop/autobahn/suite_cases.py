# Python 2.7: prints the case ids of the installed suite, in its order; cases.txt must be equal.
from autobahntestsuite.case import CaseBasename, CaseCategories, Cases, CaseSubCategories
from autobahntestsuite.caseset import CaseSet

suite = CaseSet("websocket", CaseBasename, Cases, CaseCategories, CaseSubCategories)
for case in suite.Cases:
    print(suite.caseClasstoId(case))
