"""nbgrader's settings for a class: copy this file into the folder of the class (docs/class.md)."""

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

from lenet_helpers.exercises.answers import WHY

c = get_config()  # noqa: F821 - nbgrader gives it
c.CourseDirectory.course_id = "lenet"
# What is handed out is what `make exercises` makes, which reads these settings here.
c.ClearSolutions.code_stub = {"python": "# your code"}
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {WHY}
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor,
    *GenerateAssignment().preprocessors,
]
