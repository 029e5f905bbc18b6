from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ("customdata", "0003_supplemental_data"),
    ]

    operations = [
        migrations.AddField(
            model_name="customdatatype",
            name="fetch_on_first_link",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="customdatatype",
            name="sync_schedule_hours",
            field=models.PositiveIntegerField(default=0),
        ),
    ]
