"""nbgrader's settings for a class: copy this file into the folder of the class (docs/class.md)."""

from nbconvert.preprocessors import TagRemovePreprocessor
from nbgrader.converters import GenerateAssignment

c = get_config()  # noqa: F821 - nbgrader gives it
c.CourseDirectory.course_id = "lenet"
c.ClearSolutions.code_stub = {"python": "# your code"}
# The cells that explain a solution stay with the instructor.
c.TagRemovePreprocessor.enabled = True
c.TagRemovePreprocessor.remove_cell_tags = {"why"}
c.GenerateAssignment.preprocessors = [
    TagRemovePreprocessor,
    *GenerateAssignment().preprocessors,
]
